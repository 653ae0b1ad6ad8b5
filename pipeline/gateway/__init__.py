"""The HTTP gateway: messages and questions of systems that do not speak Kafka."""
