"""Many targets: in which order, and what one's failure means for the others."""
