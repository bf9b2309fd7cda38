"""A Flask app that answers with the request it received, or as its path states."""

from flask import Flask, Response, request


def echo() -> Flask:
    """Return an app that answers with the request it received, or as its path states."""
    app = Flask("echo")

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def return_request(path):
        environ = {name: value for name, value in request.environ.items() if isinstance(value, str)}
        return {"environ": environ, "args": list(request.args.items(multi=True)), "url": request.url}

    @app.route("/bytes", methods=["POST"])
    def return_body():
        return Response(request.get_data(), content_type="application/octet-stream")

    @app.route("/length/<int:length>")
    def return_length(length):
        return Response("é" * length, content_type="text/plain; charset=utf-8")

    @app.route("/type")
    def return_type():
        return Response(b"\xff" if "raw" in request.args else "{}", content_type=request.args["type"])

    @app.route("/status/<int:status>")
    def return_status(status):
        return Response(status=status)

    @app.route("/fail")
    def fail():
        raise RuntimeError("0002-EXMPL")

    @app.route("/break")
    def break_off():
        def chunks():
            yield b"half"
            raise RuntimeError("0002-EXMPL")

        return Response(chunks())

    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app
