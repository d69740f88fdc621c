"""Tables of people: the types of a table, and the mapping from a row to a record.

The modules of this package work on streams and values. They open no files and do not know the command line.
"""
