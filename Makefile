# The two commands of a newcomer are `make book` and `make test`. `make help` lists all.
PY := .venv/bin/python
export PYTHON

# The one command that builds the book. Warnings are errors; --all, because a rebuild of
# unchanged pages would not repeat their warnings. They go to stderr; the rest is talk.
BUILD := $(PY) -c "from jupyter_book.cli.main import main; main()" \
	build . --all -W --keep-going -n -q

.DEFAULT_GOAL := help
.PHONY: help book read test lab notebooks bench gpu colab picture dist html clean

help: ## Say what there is to do
	@echo "From Recurrence to Attention"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "Begin with 'make book', then 'make read'."

book: ## Build the book into _build/html (installs what it needs, no PyTorch)
	@sh book/tools/install.sh book
	@$(MAKE) --no-print-directory html

# Into an empty folder, or a page that was removed would stay in the book.
html:
	@echo "Building the book ..."
	@rm -rf _build/html
	@$(BUILD) >/dev/null || { echo "The book was not built: the lines above say why."; exit 1; }
	@echo "The book is ready. Open _build/html/index.html, or run 'make read'."

read: ## Serve the book on this machine (builds it if need be)
	@test -f _build/html/index.html || $(MAKE) --no-print-directory book
	@sh book/tools/install.sh book
	@$(PY) book/tools/serve.py _build/html

test: ## Check everything: format, tests, notebooks, book, pages in a browser
	@sh book/tools/install.sh course
	@$(PY) book/tools/check.py

# .venv/bin is on the path, so that `!course` works in a notebook. In a container one is
# often root, and Jupyter would not start.
lab: ## Open the chapters and exercises in JupyterLab
	@sh book/tools/install.sh course
	@echo "JupyterLab opens in your browser; Ctrl-C here ends it."
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(PY) -m jupyterlab --ServerApp.root_dir=. \
		--LabApp.default_url=/lab $$(test "$$(id -u)" != 0 || echo --allow-root)

notebooks: ## Execute text/*.md into chapters/*.ipynb; CHAPTER=01_rnn: only this one
	@sh book/tools/install.sh course
	@$(PY) book/tools/notebooks.py $(CHAPTER)

bench: ## Time our models beside other people's, on this machine (some minutes)
	@sh book/tools/install.sh course
	@.venv/bin/course bench

colab: ## Run every notebook with Colab's packages, and with the oldest (needs PyPI)
	@sh book/tools/install.sh course
	@$(PY) tests/colab/simulate.py $(RUNTIME:%=--runtime %)

gpu: ## Measure all that a GPU is for: the peers, and every claim's real scale
	@sh book/tools/install.sh course
	@.venv/bin/course bench --device cuda || failed=$$?; \
	.venv/bin/course run --all --scale real --device cuda || failed=$$?; \
	exit $${failed:-0}

picture: ## Take the README's picture from the built book
	@sh book/tools/install.sh course
	@$(PY) book/tools/picture.py

# Without isolation: built by the pinned tools, offline too.
dist: ## Build the wheel and the source archive of a release into dist/
	@sh book/tools/install.sh course
	@rm -rf dist
	@$(PY) -m build --no-isolation

clean: ## Remove what was built; the virtual environment stays
	@rm -rf _build .pytest_cache .ruff_cache
	@echo "Removed what was built. 'rm -rf .venv' removes the environment too."
