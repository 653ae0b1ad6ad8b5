"""What a user would pick instead, on the same broker: a Faust app and a Quix Streams app that do the simple job."""
