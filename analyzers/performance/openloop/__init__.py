"""An open-loop load generator: requests arrive at their rate, whatever the server does.

A closed loop waits for an answer before it sends the next request. A server that freezes for two
seconds then costs it only one slow request (coordinated omission). Here every request has a time at
which it is due, and its latency counts from that time.
"""
