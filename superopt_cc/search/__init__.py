"""The loop over one function: propose, verify, time, keep the best, within a budget.

It knows every part by its interface only, and must not know where jobs come from (a build, a
command, another machine) or where outcomes go.
"""
