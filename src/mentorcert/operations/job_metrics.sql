-- name: figures()
select figure.name, figure.label, figure.value from mentorcert_private.job_figures() as figure;
