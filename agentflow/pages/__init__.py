"""The server-rendered pages around the canvas: overview, graphs, runs. Composition level: may import every app."""
