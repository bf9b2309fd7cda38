// Starts the viewer on our own description. validatorUrl: by default a badge is asked for from outside.
window.addEventListener("DOMContentLoaded", () => {
  SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#docs",
    deepLinking: true,
    displayRequestDuration: true,
    filter: true,
    validatorUrl: null,
  });
});
