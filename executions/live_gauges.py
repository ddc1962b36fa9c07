"""What the live connections of this web process have carried: plain numbers on its event loop."""

from time import monotonic

from executions.histogram import Histogram


class LiveGauges:
    """Frames, and how long after the wake-up they were sent."""

    def __init__(self) -> None:
        self.frames = 0
        self.lag = Histogram()

    def sent(self, news_at: float | None = None) -> None:
        """One frame went out; `news_at` is when this process heard of what is in it, if anybody told it."""
        self.frames += 1
        if news_at is not None:
            self.lag.observe(monotonic() - news_at)


live = LiveGauges()
