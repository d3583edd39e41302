"""XML documents and messages: read safely, held against schemas, rules and each other."""
