#!/bin/sh
# Make the secrets that docker-compose.yml hands to the containers, once. Nothing that exists is changed.
set -eu
folder="$(dirname "$0")/secrets"
mkdir -p "$folder"
# The folder is closed to others; the files are readable, because each container reads its own as another user.
chmod 700 "$folder"

random() {
	LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 48
}

make() {
	if [ -s "$folder/$1" ]; then
		echo "$1 exists and is kept"
	else
		printf '%s' "$2" >"$folder/$1"
		chmod 644 "$folder/$1"
		echo "$1 made"
	fi
}

make database_password "$(random)"
make redis_password "$(random)"
make secret_key "$(random)"
make gateway_key "$(random)"
make database_url "postgres://fairway:$(cat "$folder/database_password")@postgres:5432/fairway"
make redis_url "redis://:$(cat "$folder/redis_password")@redis:6379/0"
