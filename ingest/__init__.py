"""Bytes in: mailboxes (IMAP, Maildir, a folder of .eml) behind one narrow interface, ``ingest.mailbox``.

Nothing here knows what a message means, where it is kept, or which messages are new. It lists, fetches
without a trace, and after the caller has made the bytes safe it settles them as the configuration says.
"""
