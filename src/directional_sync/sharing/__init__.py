"""What clones of one repository share through its remote: the branch, what was agreed on, and who is at work.

far        the remote as it was last seen, and one push of all that belongs together
refusals   why a push was not taken
agreed     the bases of targets, there and here
moving     the branch of this clone goes on to what the remote has
lease      one machine at a time writes to the far side of a target
branches   a branch of its own for each target, where the branch itself is closed
forge      one pull request for each of them
labels     what they are labelled with
deliver    a run's commits on their way: pushed, planned again where somebody was quicker
"""
