"""What the console and the hospital's systems can ask of us over HTTP and WebSocket."""
