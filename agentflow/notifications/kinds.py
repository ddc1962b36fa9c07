"""What people can be told about, and by which ways."""

from django.db.models import TextChoices


class Kind(TextChoices):
    """What has happened."""

    FAILED = "failed", "A run failed"
    REPEATED = "repeated", "Runs keep failing"
    RECOVERED = "recovered", "Runs complete again"
    WAITING = "waiting", "A run waits for approval"
    BUDGET = "budget", "A budget is reached"
    PAUSED = "paused", "A schedule or another trigger was paused"
    LATE = "late", "A run is late"
    #: Somebody pressed the test button.
    TEST = "test", "Test"


#: Those that people can choose.
CHOICES = [(kind.value, kind.label) for kind in Kind if kind is not Kind.TEST]
ALL = [value for value, _ in CHOICES]


class Way(TextChoices):
    """How somebody is told."""

    BELL = "bell", "In agentflow"
    MAIL = "mail", "E-mail"
    APPRISE = "apprise", "Apprise"


class Pace(TextChoices):
    """When something is sent."""

    AT_ONCE = "at_once", "At once"
    HOURLY = "hourly", "Together, every hour"
    DAILY = "daily", "Together, every morning at eight"
