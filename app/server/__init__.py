"""The web server's processes: gunicorn's threaded worker, made to wait for nobody. Imported by `churn serve`.

client.py is one connection, worker.py the loop over all of them. Knows app/web/ for its problems, nothing of customers.
"""
