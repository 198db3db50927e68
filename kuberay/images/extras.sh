# shellcheck shell=bash
# What each image needs of fraudray: the extras of pyproject.toml.
extras_of() {
  case "$1" in
    serve) echo serve,llm,aws,postgres,reports,batch,cluster ;; # gateway, investigator, MCP tools, back-tests; switching the model off and on
    page) echo ui ;;                                    # a client of the HTTP API: no Ray, no store
    llm) echo serve,llm,aws ;;                          # vLLM under Ray Serve, the model's copy from S3, the preflight
    *)
      echo "extras.sh: there is no image '$1' (serve, page, llm)" >&2
      return 2
      ;;
  esac
}
