"""What runs outside the web application: executors, the runner of jobs, and the inference data plane. No
Django below here.
"""
