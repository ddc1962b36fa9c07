"""The pure core: plan and events in, commands out. No Django, no asyncio, no clock, no I/O."""
