"""What can go wrong between a person at a terminal and the app, with the exit code that a script reads.

CommandError
|-- Refused    1: the app said no, or did not answer
`-- WrongUse   2: the command, a file or a variable is wrong; asking again as it is cannot help
"""


class CommandError(Exception):
    """One sentence for the person who asked."""

    exit_code = 1


class Refused(CommandError):
    """The app refused, or did not answer."""


class WrongUse(CommandError):
    """The command as given cannot work."""

    exit_code = 2
