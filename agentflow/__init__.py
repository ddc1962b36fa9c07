"""agentflow: settings, wiring, what a graph is, who may do what."""

__version__ = "0.1.0"
