"""The coordinator's desk: server-rendered pages over the store, complete without JavaScript."""
