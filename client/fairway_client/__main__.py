from fairway_client.main import main

main()
