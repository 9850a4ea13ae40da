"""Alerts and pings: what is wrong is found by SQL, kept in an outbox, and delivered by any daemon.

watch.py         one look a minute: finds, claims, delivers, settles
destinations.py  which are configured; webhook, email, apprise, ping
message.py       what an alert says
quiet.py         hours in which alerts wait
"""
