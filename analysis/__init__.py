"""Pure evaluation mathematics of Fairway: no Django, no database, no files; arrays and tables in, reports
out.
"""
