

def user_by_username(username: str) -> User | None:
    """For commands of the installation itself; pages find people by `user_get`."""
    return User.objects.filter(username=username, is_active=True).first()
