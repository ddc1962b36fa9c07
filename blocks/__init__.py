"""What a node can do: plain Python and pydantic, no Django."""
