"""Many customers at once: the same steps over columns, with numpy and pyarrow.

Imported by the bulk entry points and by training, never for a single customer.
"""
