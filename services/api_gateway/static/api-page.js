// Swagger UI over the merged document and those that swagger-config lists. The bundle's own selector comes
// in a second script that we do not ship, so the page has a select; a token stays entered when it changes,
// one for the merged document and one for the others, whose security scheme has another name.
"use strict";

const MERGED = { url: "/v3/api-docs", name: "UniSync" };

async function showDocuments() {
  const answer = await fetch("/v3/api-docs/swagger-config");
  const config = await answer.json();
  const select = document.getElementById("documents");
  for (const { url, name } of [MERGED, ...config.urls]) {
    select.add(new Option(name, url));
  }

  const ui = SwaggerUIBundle({
    url: select.value,
    dom_id: "#swagger-ui",
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
  select.addEventListener("change", () => {
    ui.specActions.updateUrl(select.value);
    ui.specActions.download(select.value);
  });
}

showDocuments();
