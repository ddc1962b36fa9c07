"""What can stop a backup or a restore; each message is for the person who asked for it."""


class BackupError(Exception):
    """The backup cannot be made, or cannot be restored."""


class NotWritten(BackupError):
    """The archive could not be written; nothing of it is left."""


class Damaged(BackupError):
    """The file is no archive of ours, or not as it was written."""


class NotForThisRelease(BackupError):
    """The archive was made by a release that this one does not understand."""


class InUse(BackupError):
    """What would be replaced is there, or is being worked with."""
