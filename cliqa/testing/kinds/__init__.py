"""The checks of each kind: one generator a module."""
