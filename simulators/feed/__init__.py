"""HL7 senders and receivers with an acknowledgement policy."""
