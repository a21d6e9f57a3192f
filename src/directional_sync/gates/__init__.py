"""What may stop a target: the user's own checks, and the rules about what a plan would do."""
