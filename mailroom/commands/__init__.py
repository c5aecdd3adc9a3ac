"""The commands of `mailroom`, in files named for what they are about; ``mailroom.cli`` puts them together.

A new one goes into the file whose docstring it fits, and into ``COMMANDS`` of ``mailroom.cli``. A command reads what it
was given, calls the module that does the work, and prints: nothing but ``mailroom.cli`` imports from here. It imports
that module inside its function, so that `mailroom --help` waits for none of them.
"""
