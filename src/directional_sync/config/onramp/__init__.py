"""From the configuration of another vendoring tool to ours: one pure module for each format.

A format module finds *repositories*, each with its place and wishes, and says what it could not take along as it
was (*left over*). `grouping` makes *targets* of the repositories, `writing` the YAML, `telling` the words about the
rest. Nothing here opens a file: what is around the file comes in as a value.
"""
