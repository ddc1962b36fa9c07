"""How a graph runs: the engine, the workers, the records and the live stream."""
