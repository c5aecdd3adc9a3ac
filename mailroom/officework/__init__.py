"""What the office does, by kind: knowledge of the programme, places, deeds on registrations and messages, mail by hand."""
