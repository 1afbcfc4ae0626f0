# Build with the compiler, run without it.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY workers ./workers
# Without the embedded PostgreSQL, which is for `sallyport up`; and without what only compilers, debuggers and readers read, but for licences.
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
  && find node_modules dist -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.flow' -o -name '*.tsbuildinfo' \) -delete \
  && find node_modules -type f -name '*.md' ! -iname 'licen[cs]e*' ! -iname 'notice*' ! -iname 'copying*' -delete \
  && find node_modules -type d \( -name test -o -name tests -o -name benchmarks \) -prune -exec rm -r {} +

FROM node:22-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 OPS_HOST=0.0.0.0
WORKDIR /app
# All of it belongs to root: the process cannot change its own code.
COPY package.json ./
COPY bin ./bin
COPY migrations ./migrations
COPY src/intel/bundled ./src/intel/bundled
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir /shared && chown 1000:1000 /shared
# `node`, by number: Kubernetes can only tell from a number that it is not root.
USER 1000:1000
EXPOSE 8080 9090
ENTRYPOINT ["node", "bin/sallyport.js"]
CMD ["api"]
