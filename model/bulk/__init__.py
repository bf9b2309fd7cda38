"""The road for many customers: the same steps over columns. numpy and pyarrow live here; only bulk doors import it."""
