# Build with the compiler, run without it.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY bin ./bin
COPY src ./src
COPY workers ./workers
COPY bench ./bench
COPY tools ./tools
COPY migrations ./migrations
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:22-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 OPS_HOST=0.0.0.0
WORKDIR /app
COPY --from=build --chown=node:node /app ./
RUN mkdir /shared && chown node:node /shared
USER node
EXPOSE 8080 9090
ENTRYPOINT ["node", "bin/sallyport.js"]
CMD ["api"]
