"""Telling people: messages and signs of life, sent within a bounded time, by addresses that nobody gets to see.

base      what an address may be, and why something could not be told
post      one question over HTTP, for the receivers that speak it
signing   how a receiver knows that a message is ours
library   mail and many services more, through a library that is loaded only then
sending   a notice to a channel, a sign of life to a ping
"""
