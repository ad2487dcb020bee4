# docker build -t banyan . && docker run --rm -p 8080:8080 banyan
FROM debian:forky-slim AS build
WORKDIR /banyan
COPY . .
RUN ./dev banyan --version && cmake --install build/release
# The packages of the libraries that the program loads.
RUN ldd /usr/local/bin/banyan | sed -n 's/.* => \(.*\) (.*/\1/p' | xargs realpath | xargs dpkg-query -S \
  | cut -d: -f1 | sort -u > packages

FROM debian:forky-slim
COPY --from=build /banyan/packages /tmp/packages
RUN apt-get update && xargs apt-get install -y --no-install-recommends < /tmp/packages \
  && rm -rf /var/lib/apt/lists/* /tmp/packages
COPY --from=build /usr/local/bin/banyan /usr/local/bin/
COPY --from=build /usr/local/share/banyan /usr/local/share/banyan
USER nobody
EXPOSE 8080
ENTRYPOINT ["banyan"]
CMD ["serve", "--host", "0.0.0.0"]
