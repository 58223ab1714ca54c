import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Sends the requests of test/clients/http-clients.test.ts with the HTTP client of Java, and prints the statuses as JSON. The client has no
 * forms. usage: java Ask.java java URL DIRECTORY
 */
class Ask {
  static final HttpClient client = HttpClient.newHttpClient();
  static String url;

  static HttpResponse<byte[]> ask(String method, String path, BodyPublisher body, String... headers) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(url + path)).method(method, body);
    if (headers.length > 0) request.headers(headers);
    return client.send(request.build(), BodyHandlers.ofByteArray());
  }

  static String id(HttpResponse<byte[]> answer, String before) {
    var found = Pattern.compile(before + "\\{\"id\":\"([^\"]+)\"").matcher(new String(answer.body()));
    found.find();
    return found.group(1);
  }

  public static void main(String[] given) throws Exception {
    url = given[1];
    var none = BodyPublishers.noBody();
    var model = BodyPublishers.ofFile(Path.of(given[2], "model.onnx"));
    var upload = ask("POST", "/v1/models?name=java", model);
    var request = BodyPublishers.ofString("{\"models\":[{\"id\":\"" + id(upload, "^") + "\"}]}");
    var merge = ask("POST", "/v1/merges?wait=30", request, "content-type", "application/json");
    var soup = id(merge, "\"model\":");
    var content = ask("GET", "/v1/models/" + soup + "/content", none);
    var cancel = ask("POST", "/v1/jobs/none/cancel", none);
    var gzip = ask("PUT", "/v1/models", model, "content-encoding", "gzip");
    var large = ask("POST", "/v1/models", BodyPublishers.ofByteArray(new byte[8_000_000]));
    var deletion = ask("DELETE", "/v1/models/" + soup, none);
    System.out.printf(
        "{\"upload\":%d,\"form\":\"none\",\"merge\":%d,\"download\":%d,\"cancel\":%d,\"gzip\":%d,\"large\":%d,\"delete\":%d}%n",
        upload.statusCode(), merge.statusCode(), content.body().length, cancel.statusCode(), gzip.statusCode(),
        large.statusCode(), deletion.statusCode());
  }
}
