"""What can stop `manage.py up`; each message is one sentence for the person who started it."""


class ProcessesError(Exception):
    """The processes cannot be started."""


class ServiceMissing(ProcessesError):
    """No server program was found."""


class ServiceFailed(ProcessesError):
    """A server was started and did not come up."""


class AlreadyRunning(ProcessesError):
    """Another `manage.py up` runs in this checkout."""


class PortTaken(ProcessesError):
    """Another program listens on the address."""


class StartFailed(ProcessesError):
    """A process of ours did not come up."""
