"""What an export or a table of observations holds, and what is wrong with it.

`inspect` reads, `Inspection` is what was found, `text` and `to_json` say it.
"""
