"""How many requests a caller may make: a bucket of permissions that fills up steadily."""

from collections import OrderedDict
from threading import Lock
from time import monotonic
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

#: Callers remembered at once; the longest silent is forgotten, and then starts with a full bucket.
MOST_CALLERS = 10_000


class Buckets:
    """A bucket for each caller, in this process: `burst` requests at once, `rate` a second in the long run."""

    def __init__(self, *, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def level(self, caller: str) -> float:
        """How many requests may pass at once."""
        level, since = self._levels.get(caller, (self.burst, monotonic()))
        return min(self.burst, level + (monotonic() - since) * self.rate)

    def take(self, caller: str) -> float:
        """Seconds to wait; 0 when this request may pass."""
        now = monotonic()
        with self._lock:
            level = self.level(caller)
            self._levels.pop(caller, None)
            passes = level >= 1
            self._levels[caller] = (level - passes, now)
            if len(self._levels) > MOST_CALLERS:
                self._levels.popitem(last=False)
        return 0.0 if passes else (1 - level) / self.rate


class CallerThrottle(BaseThrottle):
    """Users by their id, the rest by address; the rest get a tenth."""

    users = Buckets(rate=settings.API_RATE, burst=settings.API_RATE * 10)
    strangers = Buckets(rate=settings.API_RATE / 10, burst=settings.API_RATE)
    waiting = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether this request may pass now."""
        if request.user.is_authenticated:
            self.waiting = self.users.take(f"{request.user.pk}")
        else:
            self.waiting = self.strangers.take(self.get_ident(request))
        return self.waiting == 0

    def wait(self) -> float:
        """Seconds until the next request may pass."""
        return self.waiting
