"""An open-loop load generator: arrivals keep their rate, whatever the server does.

A closed loop waits for an answer before it sends the next request, so a server that freezes for
two seconds costs it one slow request (coordinated omission). Here every request has a time at which
it is due, and its latency counts from then.
"""
