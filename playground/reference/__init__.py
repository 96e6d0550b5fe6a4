"""What the API's users are told: the OpenAPI description, the error codes, the pages with examples."""
