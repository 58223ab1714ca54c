FROM node:26-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The base image is the Node that npm ci brings elsewhere, hence no optional dependencies. onnxruntime-node ships its library
# for five platforms; one is needed.
RUN npm ci --omit=dev --omit=optional --ignore-scripts \
 && cd node_modules/onnxruntime-node/bin/napi-v6 \
 && find . -mindepth 2 -maxdepth 2 -type d ! -path "./linux/$(node -p process.arch)" -exec rm -rf {} +

FROM node:26-slim AS charts
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The page has one file of ECharts, a package of 60 MB that is for development alone.
RUN npm ci --omit=optional --ignore-scripts

FROM node:26-slim AS launcher
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev
WORKDIR /app
COPY launcher launcher
# Without the launcher the image would work and isolate less, so its absence ends the build.
RUN node launcher/build.ts && test -x "launcher/bin/linux-$(node -p process.arch)"

FROM node:26-slim
# Threads that free much keep less for themselves with few arenas.
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/.cache/compile MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072 HOST=0.0.0.0 PORT=3000 TUREEN_DATA=/data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=charts /app/node_modules/echarts/package.json node_modules/echarts/package.json
COPY --from=charts /app/node_modules/echarts/dist/echarts.esm.min.mjs node_modules/echarts/dist/echarts.esm.min.mjs
COPY --from=launcher /app/launcher/bin launcher/bin
COPY package.json README.md ./
COPY container container
COPY docs docs
COPY client client
COPY page page
COPY schemas schemas
COPY routes routes
COPY src src
# The compiled code is in the image: no start compiles, and nothing needs to be written beside /data. Any user of group 0 may run
# the server (OpenShift chooses one), whatever the umask of the checkout.
RUN node --max-semi-space-size=1 src/compile.ts \
 && chmod -R a+rX package.json README.md client container docs launcher page schemas routes src .cache \
 && mkdir /data && chown 1000:0 /data && chmod 2770 /data
USER 1000:0
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["sh", "container/start.sh"]
