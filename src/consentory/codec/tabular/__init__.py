"""Tables as people have them: the types of a table, and the mapping from a row to a record.

The modules here work on streams and values. They open no files and know nothing of the command line.
"""
