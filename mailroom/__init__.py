"""mailroom: turns a programme mailbox into a tidy register.

The spine of the system: values that cross stage borders (model), errors, configuration, programme
knowledge, the wiring (pipeline), the timer (engine) and the command line (cli).
"""

__version__ = "0.1.0"
